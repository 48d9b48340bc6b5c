package authorizer

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-lambda-go/events"

	"cafe/internal/auth"
)

type panickingVerifier struct{}

func (panickingVerifier) Verify(context.Context, string) (auth.Identity, error) {
	panic("at the disco")
}

// Whatever goes wrong, nobody is let in, and the function answers.
func TestAPanicAndAStrangeMethodLetNobodyIn(t *testing.T) {
	verifier, token := issued(t)
	for name, authorize := range map[string]func(events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error){
		"a panic": func(e events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
			return Authorize(panickingVerifier{})(t.Context(), e)
		},
		"a strange method": func(e events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
			e.MethodArn = "arn:aws:execute-api:eu-west-1:*:*/*/GET/"
			return Authorize(verifier)(t.Context(), e)
		},
	} {
		answer, err := authorize(authorizeEvent(t, "Bearer "+token))
		if err == nil || errors.Is(err, errUnauthorized) || len(answer.PolicyDocument.Statement) != 0 || answer.PrincipalID != "" {
			t.Errorf("%s: %+v, %v", name, answer, err)
		}
	}
}

func TestAnAnswerWithoutARoleOrWithAnErrorHasNoKey(t *testing.T) {
	for name, c := range map[string]struct {
		context map[string]any
		err     error
	}{
		"without a role": {nil, nil}, "a role that is no text": {map[string]any{"role": 7}, nil}, "an error": {map[string]any{"role": "staff"}, errUnauthorized},
	} {
		answer, err := Metered("key-", func(context.Context, events.APIGatewayCustomAuthorizerRequestTypeRequest) (events.APIGatewayCustomAuthorizerResponse, error) {
			return events.APIGatewayCustomAuthorizerResponse{Context: c.context}, c.err
		})(t.Context(), events.APIGatewayCustomAuthorizerRequestTypeRequest{})
		if err != c.err || answer.UsageIdentifierKey != "" {
			t.Errorf("%s: key %q, %v", name, answer.UsageIdentifierKey, err)
		}
	}
}
