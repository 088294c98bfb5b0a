"""Windows as TFRecord files: what a record holds, how it is made, how it is read.

From raw files to records: `parts` (one raw file -> heatmap coordinates) -> `build` (windows, splits, shards) ->
`writer` (shards) and `manifest`. Back: `reader`. Only `writer`, `reader` and `schema` import TensorFlow.
"""
