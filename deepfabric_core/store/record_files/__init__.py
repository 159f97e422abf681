"""Read records of any kind of file, one after the other: JSON, tables, folders of `datasets`, compressed or not."""
