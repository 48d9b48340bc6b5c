package model

// Role says what a caller may do. The zero Role may do nothing.
type Role string

// The three roles. Staff and owners act for the café, a customer for themselves.
const (
	RoleCustomer Role = "customer"
	RoleStaff    Role = "staff"
	RoleOwner    Role = "owner"
)

// Valid reports whether it is one of the three.
func (r Role) Valid() bool { return r == RoleCustomer || r == RoleStaff || r == RoleOwner }

// MayEver reports whether the role may ever set this status: customers only cancel,
// staff set every status but refunded (and placed, which none sets), owners all.
func (r Role) MayEver(next Status) bool {
	switch r {
	case RoleCustomer:
		return next == StatusCancelled
	case RoleStaff:
		return next != StatusRefunded
	}
	return r == RoleOwner
}

// MayMove reports whether the role may make this move, given that it is one of an
// order's life: a customer may cancel only while the order is placed.
func (r Role) MayMove(from, to Status) bool {
	return r.MayEver(to) && (r != RoleCustomer || from == StatusPlaced)
}
