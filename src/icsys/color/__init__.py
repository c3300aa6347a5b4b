"""From pixels to a palette: histograms, K-means and the four strategies. Arrays in, arrays out."""
