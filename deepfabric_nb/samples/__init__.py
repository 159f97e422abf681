"""The samples of a run, a file or a DataFrame, to be read and reviewed.

`samples_view` is the public widget, `channel` answers its page, `protocol` says which messages there are, `sources` is
where samples come from and where decisions go, `index` and `card` are what is shown, `static_page` is what stays in a
saved notebook, and `live_frame` puts a widget in the place of it as long as there is a kernel.
"""
