package cafe

import (
	"context"

	"cafe/model"
)

// Caller is who asks, as the authorizer found out.
type Caller struct {
	ID   string // customer id, or the staff member
	Role model.Role
}

// worksHere reports whether the caller acts for the café, and not for themselves.
func (c Caller) worksHere() bool { return c.Role == model.RoleStaff || c.Role == model.RoleOwner }

// name returns a name that no other caller has: ids of staff may be those of customers.
func (c Caller) name() string { return string(c.Role) + "/" + c.ID }

type callerKey struct{}

// WithCaller returns a context that says who asks. Only code that has verified a token may
// call it: the gateway of one machine, and the adapter of API Gateway's events.
func WithCaller(ctx context.Context, by Caller) context.Context {
	return context.WithValue(ctx, callerKey{}, by)
}

// CallerOf returns who asks. ok is false when nobody is known.
func CallerOf(ctx context.Context) (Caller, bool) {
	by, ok := ctx.Value(callerKey{}).(Caller)
	return by, ok && by.ID != "" && by.Role.Valid()
}
