"""Where files are kept that others read: a bucket or a folder. Each file is put there whole or not at all."""
