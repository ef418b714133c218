"""What people hold: `Model`, `Fit` and the functions of `po`."""
