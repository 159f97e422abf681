"""The `deepfabric` command line, built with click.

`app` is the command group; each command has its own module. `load_config` reads a command's config, `output` is the
only module that prints, `rich_view` and `screen/` draw the screen of a run. `checkpoint_conflict` and `confirm_size`
ask the user, `command_secrets` keeps secrets out of the output.
"""
