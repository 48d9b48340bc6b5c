//go:build beside

package api

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
)

// documents are the OpenAPI document, the AsyncAPI document and the page, compressed. In
// Lambda they lie beside the binary, where the Makefile puts them: every cold start reads the
// whole binary, and few callers ask for the reference.
var documents = [...]func() []byte{
	sync.OnceValue(func() []byte { return beside("openapi.json.gz") }),
	sync.OnceValue(func() []byte { return beside("asyncapi.json.gz") }),
	sync.OnceValue(func() []byte { return beside("docs.html.gz") }),
}

// beside returns a file of the binary's folder. Without it the caller gets a 500.
func beside(name string) []byte {
	binary, err := os.Executable()
	var file []byte
	if err == nil {
		file, err = os.ReadFile(filepath.Join(filepath.Dir(binary), name))
	}
	if err != nil {
		panic(fmt.Sprintf("the document is not beside the binary: %v", err))
	}
	return file
}
