"""The declared model: families, links, priors and their defaults."""
