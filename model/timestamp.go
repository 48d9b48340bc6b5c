package model

import "time"

// Timestamp writes a time as RFC 3339 in UTC with microseconds, the form of every time
// that leaves the café.
func Timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }
