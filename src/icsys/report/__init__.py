"""Reports for people: the terminal's text, the page of a run, and the comparison of strategies."""
