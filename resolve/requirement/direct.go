package requirement

import (
	"net/url"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/modelrun/modelrun/resolve/fault"
)

// Located returns a requirement in which a path is a file:// URL, as [Parse] wants
// it. A path begins with "./", "../", "~/" or a drive, or has a slash before
// anything else of PEP 508; after "name @" every text without "://" is one. dir is
// the folder of the source that names the path, home the user's.
func Located(text, dir, home string) string {
	text = strings.Trim(text, " \t")
	if isPath(text) {
		return fileURL(text, dir, home)
	}
	name, rest, ok := strings.Cut(text, "@")
	rest = strings.Trim(rest, " \t")
	if !ok || rest == "" || strings.ContainsAny(name, `/\:;`) || strings.Contains(rest, "://") {
		return text
	}
	path, marker, marked := strings.Cut(rest, " ;")
	text = strings.Trim(name, " \t") + " @ " + fileURL(strings.Trim(path, " \t"), dir, home)
	if marked {
		text += " ;" + marker
	}
	return text
}

// isPath reports whether a requirement is only a path.
func isPath(s string) bool {
	if s == "." || s == ".." || strings.HasPrefix(s, "~/") {
		return true
	}
	head := s
	if i := strings.IndexAny(s, "@;[(<>=!~"); i >= 0 {
		head = s[:i]
	}
	return strings.ContainsAny(head, `/\`) && !strings.Contains(head, "://")
}

// fileURL returns the URL of a path.
func fileURL(path, dir, home string) string {
	if rest, ok := strings.CutPrefix(path, "~/"); ok && home != "" {
		path = filepath.Join(home, rest)
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	path = filepath.ToSlash(filepath.Clean(path))
	if !strings.HasPrefix(path, "/") { // a drive of Windows
		path = "/" + path
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// Path returns the folder or file of a file:// URL. It is "" for every other
// requirement.
func (r Requirement) Path() string {
	rest, ok := strings.CutPrefix(r.URL, "file://")
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, "#")
	path, err := url.PathUnescape(rest)
	if err != nil {
		return ""
	}
	if runtime.GOOS == "windows" {
		path = strings.TrimPrefix(path, "/")
	}
	return filepath.FromSlash(path)
}

// Git reports whether git is needed to get the requirement.
func (r Requirement) Git() bool { return strings.HasPrefix(r.URL, "git+") }

// Secret reports whether the URL has a secret, which its normal form lacks.
func (r Requirement) Secret() bool { return r.URL != r.Location() }

// Masked reports whether the URL lacks its secret, because the requirement comes
// from a seal.
func (r Requirement) Masked() bool {
	return strings.Contains(r.URL, "://"+mask+"@") || strings.Contains(r.URL, "="+mask)
}

// mask is what [fault.Mask] writes in place of a secret.
const mask = "***"

// Location returns the URL without its secret.
func (r Requirement) Location() string { return maskURL(r.URL) }

// maskURL hides the user, the password and secret parameters of a valid URL. Unlike
// [fault.Mask] it knows where the host begins, so that the @ of a git reference
// stays. The user of ssh is a name that everyone uses.
func maskURL(u string) string {
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		return u
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	host, tail := rest[:end], rest[end:]
	if i := strings.LastIndexByte(host, '@'); i >= 0 && host[:i] != "git" {
		host = mask + host[i:]
	}
	if i := strings.IndexByte(tail, '?'); i >= 0 {
		tail = tail[:i] + fault.Mask(tail[i:])
	}
	return scheme + "://" + host + tail
}

// directURL checks the URL of a direct reference, and returns the reason why it
// cannot be used, or "".
func directURL(u string) string {
	scheme, rest, ok := strings.Cut(u, "://")
	if !ok {
		return "it names a path; write it as ./folder, or as file:///folder"
	}
	switch scheme {
	case "https", "http", "git+https", "git+http", "git+ssh", "git+file":
	case "file":
		if !strings.HasPrefix(rest, "/") {
			return "its file:// URL has no absolute path, as in file:///folder"
		}
		if _, err := url.PathUnescape(rest); err != nil {
			return "its file:// URL is malformed"
		}
		return ""
	default:
		return quoted(scheme) + " is not a way to get a package: use https, file, git+https, git+ssh or git+file"
	}
	if strings.ContainsAny(u, "\"'<>\\^`{|}") {
		return "its URL holds a character that must be escaped with %"
	}
	host := rest
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		host = rest[:i]
	}
	host = host[strings.LastIndexByte(host, '@')+1:]
	name, port, _ := strings.Cut(host, ":")
	switch { // a password with an unescaped slash looks like a port
	case strings.HasPrefix(host, "["):
	case strings.Trim(port, "0123456789") != "", name == "" && scheme != "git+file":
		return "its URL has no valid host; escape special characters of a password with %"
	}
	return ""
}
