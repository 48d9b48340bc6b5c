package local

import (
	"net/http"
	"strings"

	"cafe/api"
	"cafe/internal/objects/folder"
)

// withFiles serves the addresses of files beside the router.
func withFiles(router http.Handler, files *folder.Files) http.Handler {
	served := files.Handler(func(w http.ResponseWriter, r *http.Request, why folder.Refusal) {
		api.RefuseFile(w, r, why.Status, why.Kind, why.Title, why.Detail)
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, folder.Path) {
			served.ServeHTTP(w, r)
			return
		}
		router.ServeHTTP(w, r)
	})
}
