package handlers

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
)

// Authorizer is the handler that Authorize returns.
type Authorizer = func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error)

// Metered has a call count as one of its caller's role, so that customers together have
// a share of the API and staff get through whatever they do. It adds the role's API key
// to the authorizer's answer: the prefix, then the role's name. The stage takes keys
// from there (API Gateway Developer Guide, "Choose an API key source": AUTHORIZER), and
// refuses who has none, so that the keys must be those of template.yaml. With the empty
// prefix nothing is added.
func Metered(prefix string, authorize Authorizer) Authorizer {
	if prefix == "" {
		return authorize
	}
	return func(ctx context.Context, event events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
		response, err := authorize(ctx, event)
		if role, known := response.Context["role"].(string); err == nil && known {
			response.UsageIdentifierKey = prefix + role
		}
		return response, err
	}
}
