"""The `%deepfabric` and `%%deepfabric` magics.

`magics` carries out a line, `commands` declares and parses them. `completion` offers what fits, with `yaml_cursor` for
YAML. `validate`, `status`, `costs` and `export` make the results of those commands.
"""
