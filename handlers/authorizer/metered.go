package authorizer

import (
	"context"

	"github.com/aws/aws-lambda-go/events"
)

// Handler is the handler that Authorize returns.
type Handler = func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error)

// Metered adds the API key of the caller's role to the authorizer's answer: the prefix, then
// the role's name. So each role has its own share of the API, and staff get through whatever
// customers do. The stage takes keys from there (API Gateway Developer Guide, "Choose an API
// key source": AUTHORIZER), and refuses a call without one. The keys must be those of
// template.yaml. An empty prefix adds nothing.
func Metered(prefix string, authorize Handler) Handler {
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
