package objects

import (
	"time"

	"cafe/internal/awsenv"
)

// For the tests outside of the package.
var KeyOf = keyOf

func NewS3Links(s awsenv.Settings, bucket string, now func() time.Time) (*S3Links, error) {
	return newS3Links(s, bucket, now)
}

// SetPatience has clients be silent for so long at most.
func (l *Local) SetPatience(d time.Duration) { l.patience = d }
