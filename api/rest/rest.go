// Package rest is the plumbing of package api: it decodes requests strictly, checks
// preconditions and cursors, and writes answers. It is the only place where an error becomes
// an answer.
package rest
