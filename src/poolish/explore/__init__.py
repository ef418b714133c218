"""The shrinkage explorer: one page that shows, by hand, how groups borrow from each other."""
