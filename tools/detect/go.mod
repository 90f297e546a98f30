module github.com/oneclaw-dev/oneclaw/tools/detect

go 1.26.0

require (
	github.com/BurntSushi/toml v1.6.0
	github.com/mtibben/confusables v0.0.0-20210201002637-9d1b0723b659
	golang.org/x/text v0.43.0
)
