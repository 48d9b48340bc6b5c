package folder

import (
	"bytes"
	"fmt"
	netmail "net/mail"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"cafe/internal/cafe"
	"cafe/internal/durable"
)

// domain is where the mails of a local café say they come from. Nobody can ever own it
// (RFC 2606).
const domain = "cafe.invalid"

// mail writes a message to an address as a file. Its name begins with the time, so that
// they list in order, and ends in what the message and the address are: the same mail
// again replaces itself.
func (n *Notifier) mail(m cafe.Message, address string, at time.Time) error {
	content, err := n.compose(m, address, at)
	if err != nil {
		return fmt.Errorf("compose mail: %w", err)
	}
	id := digest(m.ID, strings.ToLower(address))
	name, again := n.mails[id]
	if !again {
		name = fmt.Sprintf("%s-%s-%s%s", at.Format(mailTime), m.Topic, id, extension)
	}
	if err := durable.Write(filepath.Join(n.dir, mailFolder, name), bytes.NewReader(content)); err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	n.mails[id] = name
	return nil
}

const extension = ".eml"

// mailTime is how the name of a mail begins.
const mailTime = "20060102T150405.000000Z"

func (n *Notifier) compose(m cafe.Message, address string, at time.Time) ([]byte, error) {
	text := m.Mail
	if text == "" {
		text = m.Body
	}
	text = strings.NewReplacer("\r\n", "\r\n", "\n", "\r\n", "\r", "\r\n").Replace(text)
	// Readable as it stands, unless a line is longer than a mail's may be (RFC 5322, 2.1.1).
	encoding := mail.NoEncoding
	for line := range strings.Lines(text) {
		if len(line) > 1000 {
			encoding = mail.EncodingQP
		}
	}
	message := mail.NewMsg(mail.WithCharset(mail.CharsetUTF8), mail.WithEncoding(encoding), mail.WithNoDefaultUserAgent())
	message.FromMailAddress(&netmail.Address{Name: n.whose.From, Address: "no-reply@" + domain})
	message.ToMailAddress(&netmail.Address{Address: address})
	message.Subject(m.Subject)
	message.SetDateWithValue(at)
	message.SetMessageIDWithValue(url.QueryEscape(m.ID) + "@" + domain)
	message.SetBodyString(mail.TypeTextPlain, text)
	var b bytes.Buffer
	if _, err := message.WriteTo(&b); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// listMails returns the names of the mails in a folder by the digest they end in.
func listMails(dir string) (map[string]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	mails := map[string]string{}
	for _, entry := range entries {
		if name, ok := strings.CutSuffix(entry.Name(), extension); ok {
			mails[name[strings.LastIndexByte(name, '-')+1:]] = entry.Name()
		}
	}
	return mails, nil
}
