package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"cafe/api"
	"cafe/handlers"
	"cafe/internal/cafe"
	"cafe/internal/local"
	"cafe/internal/objects/folder"
)

// openFiles opens the folder of uploads and rejects, and has uploads imported in the
// background: those that come in, and those that an earlier process left. Old files go.
//
// The addresses that clients get begin with CAFE_URL, or else with the one that the café
// listens on.
func openFiles(ctx context.Context, running *sync.WaitGroup, c *cafe.Cafe, dir, listening string, reachable func(context.Context) bool) (*folder.Files, error) {
	base := cmp.Or(os.Getenv("CAFE_URL"), listening)
	if u, err := url.Parse(base); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("CAFE_URL is not an address such as http://cafe.example:3000")
	}
	var uploads *local.Uploads
	files, err := folder.Open(dir, folder.Options{BaseURL: base, OnUpload: func(key string) { uploads.Add(key) }, Takes: c.TakesUpload})
	if err != nil {
		return nil, err
	}
	uploads = local.NewUploads(ctx, handlers.Import(c, files), files.Done, reachable)
	running.Go(uploads.Wait)
	pending, err := files.Pending()
	if err != nil {
		return nil, err
	}
	for _, key := range pending {
		uploads.Add(key)
	}
	running.Go(func() {
		local.Every(ctx, 24*time.Hour, "forgetting old imports", func(ctx context.Context) error {
			_, err := c.ForgetImports(ctx)
			if err = errors.Join(err, files.Forget(time.Now().Add(-cafe.ImportLife))); err != nil {
				return fmt.Errorf("some are still there: %w", err)
			}
			return nil
		})
	})
	return files, nil
}

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
