package sqlite

// SetMaxWAL changes the size from which on a writer empties the -wal, and returns a function that undoes that.
func SetMaxWAL(bytes int64) (undo func()) {
	before := maxWAL
	maxWAL = bytes
	return func() { maxWAL = before }
}
