"""The structure of AVIF and HEIC files, and what their decoders leave open."""
