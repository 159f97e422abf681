"""Import datasets that other tools wrote: each record is read and written as one of ours."""
