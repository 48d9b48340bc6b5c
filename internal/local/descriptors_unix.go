//go:build unix

package local

import "syscall"

// descriptors returns how many files and connections this process may have open at a time.
// Go raises the soft limit to the hard one when a program starts (package syscall,
// rlimit.go), so this is what the system grants.
func descriptors() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 1024
	}
	return int(min(uint64(limit.Cur), 1<<20))
}
