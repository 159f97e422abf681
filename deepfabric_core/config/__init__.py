"""The config file: its keys and defaults, and how it is read.

`schema` defines every key with its default, `load` reads and checks a config, `yaml_document` and `yaml_reader` parse
YAML with line numbers, `schema_keys` describes keys, `secret_keys` and `secret_values` find secrets, `fingerprint`
tells which keys decide the data.
"""
