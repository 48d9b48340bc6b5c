package rest

import (
	"context"
	"strings"
)

type addressKey struct{}

// WithAddress returns a context with the address at which the caller reached the café,
// without a slash at its end.
func WithAddress(ctx context.Context, address string) context.Context {
	return context.WithValue(ctx, addressKey{}, address)
}

// Base returns the path of the address at which the caller reached the café, such as /v1
// behind a stage. It is empty if there is none, or an odd one.
func Base(ctx context.Context) string {
	_, rest, _ := strings.Cut(Address(ctx), "://")
	_, path, found := strings.Cut(rest, "/")
	if !found || strings.Trim(path, AddressRunes) != "" || strings.ContainsAny(path, ":[]") {
		return ""
	}
	return "/" + path
}

// AddressRunes are the characters of an address that need no quotes in HTML, JSON and a shell.
const AddressRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~:/[]"

// Address returns the address that WithAddress put into the context, or "".
func Address(ctx context.Context) string {
	a, _ := ctx.Value(addressKey{}).(string)
	return a
}
