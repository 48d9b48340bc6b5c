package cors_test

import (
	"slices"
	"testing"

	"cafe/api/cors"
)

func TestOriginsAreThoseThatBrowsersSend(t *testing.T) {
	for text, want := range map[string][]string{
		"":                        nil,
		"https://app.example.com": {"https://app.example.com"},
		"https://app.example.com, http://127.0.0.1:8080 ,capacitor://localhost": {"https://app.example.com", "http://127.0.0.1:8080", "capacitor://localhost"},
		"https://app.example.com:443,http://x:80,https://y:80":                  {"https://app.example.com", "http://x", "https://y:80"},
		"http://[::1]:3000": {"http://[::1]:3000"},
	} {
		if got, err := cors.ParseOrigins(text); err != nil || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	for _, text := range []string{
		"https://app.example.com/", "https://app.example.com/menu", "app.example.com", "//app.example.com", "https://", "https:app.example.com",
		"https://App.example.com", "HTTPS://app.example.com", "*", "https://*.example.com", "null", "https://a b", "https://café.example", "https://x?y", "https://x#y",
		"https://user@app.example.com", "https://a.example,", ",", "https://a.example,b.example",
	} {
		if got, err := cors.ParseOrigins(text); err == nil {
			t.Errorf("%q: %q", text, got)
		}
	}
}
