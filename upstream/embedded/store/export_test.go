package store

// Shrink makes s cut rows into tiny pages and chunks from now on, so that few rows
// meet all that many do.
func Shrink(s *Store) { s.sizes = sizes{page: 3, chunk: 20, tail: 6, small: 3} }
