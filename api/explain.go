package api

import (
	"html"
	"net/http"
	"strconv"
	"strings"

	"github.com/gin-gonic/gin"

	"cafe/api/header"
	"cafe/api/rest"
	"cafe/model"
)

// getProblem answers with the explanation of a kind of problem: as a page if the caller
// prefers HTML, as a browser does, and otherwise as JSON.
func (s *server) getProblem(c *gin.Context) error {
	c.Writer.Header().Add("Vary", "Accept")
	k, known := rest.KindOf(c.Param("kind"))
	if !known {
		return model.ErrNotFound
	}
	text := strings.ReplaceAll(k.Description, "`", "")
	if header.Preferred(c.Request.Header.Values("Accept"), formJSON, formHTML) != formHTML {
		return rest.Answer(c, http.StatusOK, struct {
			Type        string `json:"type"`
			Title       string `json:"title"`
			Status      int    `json:"status"`
			Description string `json:"description"`
		}{k.Type(), k.Title, k.Status, text})
	}
	c.Header("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	c.Data(http.StatusOK, formHTML+"; charset=utf-8", []byte(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">`+
		`<meta name="viewport" content="width=device-width"><meta name="color-scheme" content="light dark">`+
		"<title>"+k.Title+"</title></head><body><main><h1>"+k.Title+"</h1><p>Status "+strconv.Itoa(k.Status)+
		", type <code>"+k.Type()+"</code></p><p>"+html.EscapeString(text)+`</p><p><a href="../docs#problem-`+k.Kind+
		`">All problems</a></p></main></body></html>`))
	return nil
}
