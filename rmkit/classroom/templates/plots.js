// Draws every <div class="rmkit-plot"> from the JSON inside it, when it comes near the screen; needs plotly.min.js.
(() => {
  const TITLE = 30, PLOT = 220, NARROW = 500;  // pixels
  const plain = (html) => new DOMParser().parseFromString(html, "text/html").body.textContent;
  const made = (parent, tag, name, text = "") => {
    const element = parent.appendChild(document.createElement(tag));
    element.className = name;
    element.textContent = text;
    return element;
  };

  // A title stands above the figure, where it wraps.
  const lift = (layout) => {
    const text = plain(layout.title?.text ?? "");
    layout.height = (layout.height ?? layout.template?.layout?.height ?? 450) - (text ? TITLE : 0);
    layout.margin = { ...layout.margin, t: Math.max(20, (layout.margin?.t ?? 80) - (text ? TITLE : 0)) };
    delete layout.title;
    if (!layout.legend?.yref) layout.legend = { ...layout.legend, y: 0.99 };
    return text;
  };

  // plotly paints its sliders, and no keyboard moves those. Here they become the page's own, above the figure.
  // A frame has one slider away from its start, so the others go back to theirs.
  const dials = (target, box, said, layout, frames) => {
    const titles = Object.fromEntries(frames.map((frame) => [frame.name, plain(frame.layout.title.text)]));
    frames.forEach((frame) => delete frame.layout.title);
    const all = layout.sliders.map((slider) => {
      const label = made(box, "label", "rmkit-dial");
      made(label, "span", "", slider.currentvalue.prefix.replace(/: $/, ""));
      const input = made(label, "input", "");
      Object.assign(input, { type: "range", min: 0, max: slider.steps.length - 1, step: 1 });
      const value = made(label, "output", "");
      const set = (at) => {
        input.value = at;
        value.textContent = slider.steps[at].label;
        input.setAttribute("aria-valuetext", slider.steps[at].label);
      };
      const start = () => set(slider.active ?? 0);
      start();
      input.addEventListener("input", () => {
        all.forEach((other) => other.input !== input && other.start());
        set(Number(input.value));
        const [[name], how] = slider.steps[input.value].args;
        said.textContent = titles[name];
        target.setAttribute("aria-label", titles[name]);
        Plotly.animate(target, [name], how);
      });
      return { input, start };
    });
    said.setAttribute("role", "status");
    layout.height -= layout.margin.b;
    delete layout.margin.b;
    delete layout.sliders;
  };

  const draw = async (figure) => {
    const { data, layout, frames } = JSON.parse(figure.querySelector("script").textContent);
    const [target, box] = [".rmkit-drawn", ".rmkit-dials"].map((name) => figure.querySelector(name));
    delete layout.width;
    const said = made(figure, "figcaption", "rmkit-said", lift(layout));
    if (layout.sliders) dials(target, box, said, layout, frames);
    box.after(said);
    // Panels side by side need room for their questions: a narrow page scrolls such a figure.
    const beside = Object.entries(layout).some(([name, axis]) => /^xaxis\d/.test(name) && axis.domain?.[0] > 0);
    if (beside) target.style.minWidth = `${NARROW}px`;
    const config = { displayModeBar: false, responsive: true };
    await Plotly.newPlot(target, { data, layout, frames, config });
    target.style.minHeight = "";
    const missing = PLOT - target._fullLayout._size.h;  // on a phone a long legend leaves little
    if (missing > 0 && target.clientWidth < NARROW) Plotly.relayout(target, { height: layout.height + missing });
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll(".rmkit-plot").forEach((figure) => seen.observe(figure));
})();
