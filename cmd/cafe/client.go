package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"cafe/internal/auth"
	"cafe/model"
)

// client calls a café over HTTP: the one of this machine, or another.
type client struct {
	url, token string
	own        string // the folder whose secret the token was made with; empty: it was given
}

func clientFlags() []cli.Flag {
	return []cli.Flag{
		dataFlag(),
		&cli.StringFlag{Name: "url", Value: "http://127.0.0.1:3000", Usage: "address of the café"},
		&cli.StringFlag{Name: "token", Usage: "bearer token (default: one made with the secret in the data folder)", Sources: cli.EnvVars("CAFE_TOKEN")},
	}
}

// newClient makes a client with the token that was given, or one of the role for the
// café of this machine. It makes no data folder, and no secret in one.
func newClient(c *cli.Command, role model.Role) (client, error) {
	cl := client{url: strings.TrimSuffix(c.String("url"), "/"), token: c.String("token")}
	if cl.token != "" {
		return cl, nil
	}
	issuer, err := auth.ReadIssuer(c.String("data"))
	if errors.Is(err, fs.ErrNotExist) {
		return cl, fmt.Errorf("a token is needed: give one with -token or CAFE_TOKEN, or with -data or CAFE_DATA the folder of a café on this machine (there is none in %s)", c.String("data"))
	}
	if err != nil {
		return cl, err
	}
	cl.own = c.String("data")
	cl.token, err = issuer.Issue(role, subjects[role], time.Hour)
	return cl, err
}

// call sends a request and returns the body of the answer. An answer that is no success
// is an error in the café's own words.
func (c client) call(ctx context.Context, method, path, accept string, body any) ([]byte, error) {
	answer, _, err := c.ask(ctx, method, path, accept, body)
	return answer, err
}

// csv returns a list as CSV, and the cursor of its next part, if there is one.
func (c client) csv(ctx context.Context, path string) (text, next string, err error) {
	answer, header, err := c.ask(ctx, "GET", path, "text/csv", nil)
	if address, _, more := strings.Cut(strings.TrimPrefix(header.Get("Link"), "<"), ">"); more {
		if u, err := url.Parse(address); err == nil {
			next = u.Query().Get("cursor")
		}
	}
	return string(answer), next, err
}

// ask does what call says, and returns the answer's header, too.
func (c client) ask(ctx context.Context, method, path, accept string, body any) ([]byte, http.Header, error) {
	var content io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return nil, nil, err
		}
		content = bytes.NewReader(b)
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, content)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if accept != "" {
		r.Header.Set("Accept", accept)
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, nil, fmt.Errorf("no café answers at %s: %w", c.url, errors.Unwrap(err))
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, nil, fmt.Errorf("read the café's answer: %w", err)
	}
	if response.StatusCode == http.StatusUnauthorized && c.own != "" {
		return nil, nil, &refused{response.StatusCode, fmt.Sprintf("the café at %s does not know the token that was made with the secret in %s: is that this café's folder? Name another with -data or CAFE_DATA, or give a token with -token or CAFE_TOKEN", c.url, c.own)}
	}
	if response.StatusCode/100 != 2 {
		return nil, nil, refusal(response, answer)
	}
	return answer, response.Header, nil
}

// refused is an answer that is no success.
type refused struct {
	status int
	text   string
}

func (r *refused) Error() string { return r.text }

// refusal puts a problem into words.
func refusal(response *http.Response, body []byte) error {
	var p struct {
		Title  string `json:"title"`
		Detail string `json:"detail"`
		Errors []struct{ Field, Message string }
	}
	if json.Unmarshal(body, &p) != nil || p.Title == "" {
		return &refused{response.StatusCode, "the café answered " + response.Status}
	}
	text := p.Title + ". " + p.Detail
	for _, e := range p.Errors {
		text += fmt.Sprintf(" %s %s.", e.Field, e.Message)
	}
	return &refused{response.StatusCode, text}
}
