# Sphinx reads this beside the pages that rmkit/classroom/site.py wrote. Nothing is run or fetched.
project = "rmkit"
author = "The rmkit authors"
extensions = ["myst_nb"]
html_theme = "sphinx_book_theme"
html_title = "rmkit"
html_static_path = ["_static"]
html_css_files = ["plots.css", "site.css"]
html_theme_options = {"use_download_button": False, "use_fullscreen_button": False, "show_toc_level": 2}
nb_execution_mode = "off"  # the lessons were run before, once
myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 0
mathjax_path = "mathjax/tex-mml-chtml.js"
suppress_warnings = [
    "myst.header",  # exercises are headings of the third level wherever they stand
    "mystnb.unknown_mime_type",  # outputs that only a kernel draws
]
