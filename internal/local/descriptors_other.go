//go:build !unix

package local

// descriptors returns how many files and connections this process may have open at a time.
// Windows has no such limit.
func descriptors() int { return 1 << 20 }
