"""The study: a grid of runs whose scores are kept as small files, and the report that is made of these files."""
