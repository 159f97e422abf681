"""The screen of a run on a terminal.

`panes` is the layout of `header_footer`, `progress_pane` and `list_pane`; `item_browser` is what can be browsed,
`screen_state` is all that is drawn, `style` has colours and glyphs.
`terminal` draws, `keyboard` reads keys, `job_control` handles signals, `output_capture` holds back other output.
"""
