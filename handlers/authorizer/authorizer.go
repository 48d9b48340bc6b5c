// Package authorizer handles what API Gateway asks before it lets a request in: whose token
// is this?
package authorizer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/auth"
	"cafe/internal/panics"
)

// Verifier says whose token it is. *auth.Verifier is one. Its errors are those of package
// auth.
type Verifier interface {
	Verify(ctx context.Context, token string) (auth.Identity, error)
}

// errUnauthorized makes API Gateway answer 401. The gateway looks for exactly this word. It
// answers any other error as AUTHORIZER_FAILURE or AUTHORIZER_CONFIGURATION_ERROR (500 unless
// a gateway response says otherwise), and lets nobody in either.
var errUnauthorized = errors.New("Unauthorized") //nolint:staticcheck // the gateway's word

// Authorize returns the Lambda authorizer of a REST API. It is of kind REQUEST, because that
// kind sees every Authorization header of a request; kind TOKEN sees one.
//
// A good token is answered with leave to call every method of the API's stage: API Gateway
// keeps the answer for a while and uses it for the next call, whatever its path. The API
// decides who may do what. It gets the caller's identity and the token's end as the answer's
// context (auth.FromContext). The kept answer may outlive the token, so the API checks the
// end again.
//
// A request without a valid token is errUnauthorized. When the keys cannot be fetched, that
// is an error of its own. Both are logged without anything of the token or the caller.
func Authorize(v Verifier) func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
	return func(ctx context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest) (answer events.APIGatewayCustomAuthorizerResponse, err error) {
		defer panics.Recover(ctx, &err, "handler", "authorizer")
		everything, err := wholeStage(event.MethodArn)
		if err != nil {
			slog.ErrorContext(ctx, "authorizer cannot answer", "request_id", event.RequestContext.RequestID, "error", err)
			return events.APIGatewayCustomAuthorizerResponse{}, err
		}
		token, err := auth.FromBearer(authorizations(event))
		var by auth.Identity
		if err == nil {
			by, err = v.Verify(ctx, token)
		}
		switch {
		case err == nil:
		case errors.Is(err, auth.ErrNoToken), errors.Is(err, auth.ErrInvalid):
			slog.InfoContext(ctx, "request refused", "request_id", event.RequestContext.RequestID, "reason", err.Error())
			return events.APIGatewayCustomAuthorizerResponse{}, errUnauthorized
		default:
			slog.ErrorContext(ctx, "authorizer cannot answer", "request_id", event.RequestContext.RequestID, "error", err)
			return events.APIGatewayCustomAuthorizerResponse{}, fmt.Errorf("verify token: %w", err)
		}
		return events.APIGatewayCustomAuthorizerResponse{
			PrincipalID: by.Subject,
			PolicyDocument: events.APIGatewayCustomAuthorizerPolicy{
				Version: "2012-10-17",
				Statement: []events.IAMPolicyStatement{{
					Action: []string{"execute-api:Invoke"}, Effect: "Allow", Resource: []string{everything},
				}},
			},
			Context: by.Context(),
		}, nil
	}
}

// methodARN matches the ARN of a method of a REST API's stage (API Gateway Developer Guide,
// "ARN format of API Gateway resources"): arn:PARTITION:execute-api:REGION:ACCOUNT:API/STAGE/METHOD/PATH.
// No part may hold a wildcard: in a policy it would count as one.
var methodARN = regexp.MustCompile(`^(arn:aws[a-z-]*:execute-api:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9]+/[A-Za-z0-9_-]+)/[A-Z]+/`)

// wholeStage returns the ARN of every method of the stage that a method belongs to.
func wholeStage(method string) (string, error) {
	parts := methodARN.FindStringSubmatch(method)
	if parts == nil {
		return "", errors.New("the event's methodArn is not that of a REST API's method")
	}
	return parts[1] + "/*/*", nil
}

// authorizations returns every Authorization header of the event. API Gateway keeps a
// header's case as the client wrote it.
func authorizations(event events.APIGatewayCustomAuthorizerRequestTypeRequest) (all []string) {
	for name, values := range event.MultiValueHeaders {
		if strings.EqualFold(name, "Authorization") {
			all = append(all, values...)
		}
	}
	if all != nil {
		return all
	}
	for name, value := range event.Headers { // sam local may send these alone
		if strings.EqualFold(name, "Authorization") {
			all = append(all, value)
		}
	}
	return all
}
