"""Reports of a drill: one file for each form, each a pure function from results to text."""
