package folder

import "time"

// SetPatience sets how long a client may be silent during an upload.
func (f *Files) SetPatience(d time.Duration) { f.patience = d }
