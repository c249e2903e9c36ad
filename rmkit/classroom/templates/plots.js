// Draws every <div class="rmkit-plot"> from the JSON inside it, when it comes near the screen; needs plotly.min.js.
(() => {
  const draw = (box) => {
    const { data, layout, frames } = JSON.parse(box.querySelector("script").textContent);
    const target = box.querySelector(".rmkit-drawn");
    delete layout.width;
    Plotly.newPlot(target, { data, layout, frames, config: { displaylogo: false, responsive: true } });
  };
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((e) => e.isIntersecting)) {
      seen.unobserve(entry.target);
      draw(entry.target);
    }
  }, { rootMargin: "400px" });
  document.querySelectorAll(".rmkit-plot").forEach((box) => seen.observe(box));
})();
