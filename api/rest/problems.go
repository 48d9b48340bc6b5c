package rest

import (
	"net/http"
)

// ProblemKind is a kind of error, which has a page of its own at /problems/{kind}.
type ProblemKind struct {
	Kind        string // the last part of the type, such as out-of-stock
	Status      int    // of every answer of this kind
	Title       string // the kind in a few words
	Description string // when it happens and what to do, in Markdown with `code` only
}

// Type returns the type of a problem of this kind (RFC 9457, section 3.1.1).
func (k ProblemKind) Type() string { return "/problems/" + k.Kind }

// ProblemKinds are all kinds of problems, by status. No other code names their titles and
// statuses.
var ProblemKinds = []ProblemKind{
	{"malformed-request", http.StatusBadRequest, "Malformed request",
		"The body is not one well-formed JSON value in UTF-8, or it has a duplicate key; or a query parameter or a header is not valid. `errors` names the place if it is known."},
	{"unauthorized", http.StatusUnauthorized, "Unauthorized",
		"There is no bearer token, or there are two, or the token is malformed, expired, from another issuer or for another audience."},
	{"forbidden", http.StatusForbidden, "Forbidden",
		"The token is valid, but its role may never do this."},
	{"refund-limit", http.StatusForbidden, "Refund limit",
		"Staff may give back up to a limit at once, and this is more. An owner may give back more."},
	{"not-found", http.StatusNotFound, "Not found",
		"It does not exist, or you may not see it. An id that cannot exist is not found either."},
	{"method-not-allowed", http.StatusMethodNotAllowed, "Method not allowed",
		"The path exists, but not with this method. `Allow` lists its methods."},
	{"not-acceptable", http.StatusNotAcceptable, "Not acceptable",
		"`Accept` admits none of the forms that there are."},
	{"illegal-transition", http.StatusConflict, "Illegal transition",
		"The order's status does not allow this move, or not to you."},
	{"not-amendable", http.StatusConflict, "Not amendable",
		"The order is no longer `placed`, or something was given back of it."},
	{"not-payable", http.StatusConflict, "Not payable",
		"The order takes no payment: it is on a customer's tab, or it no longer counts."},
	{"unpaid", http.StatusConflict, "Unpaid",
		"Something is still due. Take it with `POST /orders/{id}/payments`; or collect the order with `unpaid`, and it is owed."},
	{"refund-first", http.StatusConflict, "Refund first",
		"What was paid must be given back before: `POST /orders/{id}/refunds`."},
	{"over-refund", http.StatusConflict, "Over-refund",
		"More was to be given back than is left of what was paid."},
	{"nothing-paid", http.StatusConflict, "Nothing paid",
		"Nothing was paid for the order, so that there is nothing to give back."},
	{"day-closed", http.StatusConflict, "Day closed",
		"The books of the business day are closed already. A close is never changed."},
	{"day-not-over", http.StatusConflict, "Day not over",
		"The business day lies ahead, or is not over by the clock. `early` closes one that is not over."},
	{"too-many-webhooks", http.StatusConflict, "Too many webhooks",
		"There are 20 endpoints, which is as many as may be. Delete one that is not used."},
	{"webhook-inactive", http.StatusConflict, "Webhook inactive",
		"The endpoint is disabled or failing and gets no events. Make it `active` first."},
	{"out-of-stock", http.StatusConflict, "Out of stock",
		"The stock of counted items is too low. `errors` names the lines. Nothing was taken."},
	{"import-running", http.StatusConflict, "Import running",
		"An import is taken back when it is `done` or `failed`. Wait for it."},
	{"precondition-failed", http.StatusPreconditionFailed, "Precondition failed",
		"What you want to change has changed since you read it, does not exist, or exists already. Read it again and decide again."},
	{"body-too-large", http.StatusRequestEntityTooLarge, "Body too large",
		"The body is over 256 KiB, or its result is too large to store."},
	{"unsupported-media-type", http.StatusUnsupportedMediaType, "Unsupported media type",
		"`Content-Type` is not `application/json` (or, to amend an order, `application/merge-patch+json`), or the body has a content encoding."},
	{"validation", http.StatusUnprocessableEntity, "Validation failed",
		"The body is JSON, but a field is unknown, missing, of the wrong type, or breaks a rule. `errors` names the fields."},
	{"idempotency-key-reused", http.StatusUnprocessableEntity, "Idempotency key reused",
		"This `Idempotency-Key` was used before with another body."},
	{"quote-expired", http.StatusUnprocessableEntity, "Quote expired",
		"The quote is older than 15 minutes. Ask for a new one with `POST /orders/quote`."},
	{"quote-mismatch", http.StatusUnprocessableEntity, "Quote mismatch",
		"The request asks for something else than the quote was given for. Only `tip`, notes, `pickup_at` and `payment` may differ."},
	{"precondition-required", http.StatusPreconditionRequired, "Precondition required",
		"The change needs `If-Match`, and there is none."},
	{"too-many-requests", http.StatusTooManyRequests, "Too many requests",
		"The rate limit is exceeded. Wait for the seconds in `Retry-After`."},
	{"internal", http.StatusInternalServerError, "Internal error",
		"An error of the service. Quote `request_id`."},
	{"unavailable", http.StatusServiceUnavailable, "Unavailable",
		"A part that the service needs is throttled or down. Wait for the seconds in `Retry-After` and send the request again."},
}

// KindOf returns the kind with the name, and whether there is one.
func KindOf(name string) (ProblemKind, bool) {
	for _, k := range ProblemKinds {
		if k.Kind == name {
			return k, true
		}
	}
	return ProblemKind{}, false
}
