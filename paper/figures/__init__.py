"""The figures of the paper: one module each, with `draw(report)` and the text `ALT`."""
