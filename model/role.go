package model

// Role says what a caller may do. The zero Role may do nothing.
type Role string

// The roles. Staff and owners act for the café, a customer for themselves.
const (
	RoleCustomer Role = "customer"
	RoleStaff    Role = "staff"
	RoleOwner    Role = "owner"
)

// Valid reports whether r is one of the three roles.
func (r Role) Valid() bool { return r == RoleCustomer || r == RoleStaff || r == RoleOwner }

// MayEver reports whether the role may set this status at all. Customers may only cancel.
// Staff may set every status except refunded. Owners may set all. (No order moves to
// placed, whatever the role.)
func (r Role) MayEver(next Status) bool {
	switch r {
	case RoleCustomer:
		return next == StatusCancelled
	case RoleStaff:
		return next != StatusRefunded
	}
	return r == RoleOwner
}

// MayMove reports whether the role may make this move, if MayBecome allows it. A customer
// may cancel only while the order is placed.
func (r Role) MayMove(from, to Status) bool {
	return r.MayEver(to) && (r != RoleCustomer || from == StatusPlaced)
}
