"""Studies that fit many times, and the gallery of models they are held to."""
