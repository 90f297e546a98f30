package detect

import (
	"strings"

	"github.com/oneclaw-dev/oneclaw/internal/shroud/finding"
	"github.com/oneclaw-dev/oneclaw/internal/shroud/pattern"
)

// rule is a pattern and what a match of it means.
type rule struct {
	threat   finding.Threat
	name     string
	severity finding.Severity
	words    string // separated by spaces
	before   int
	after    int
	expr     string
}

func (r rule) pattern() pattern.Pattern {
	return pattern.Pattern{Name: r.name, Expr: r.expr, Words: strings.Fields(r.words), Whole: true, Before: r.before, After: r.after}
}

// commands are the command rules that hold for everybody. They name what an
// attack does with a shell, not the shell's own grammar: that is in every document.
func commands() []rule {
	const cmd = finding.Command
	return []rule{
		{cmd, "shell_chain", finding.Critical, "rm cat nc ncat whoami id uname bash sh zsh python perl chmod mkfs dd useradd nslookup ping ifconfig ipconfig netstat type", 24, 80,
			`(?i)(?:[;&|]|%0a|%26|%3b|\x60)\s{0,4}(?:sudo\s{1,4})?(?:rm\s{1,4}-[a-z]*[rf][a-z]*\s{1,4}["']?(?:/(?:\s|$|\*|["'])|~|\*|\$HOME|\.(?:\s|$)|/(?:etc|home|usr|boot|bin|root)\b)|cat\s{1,4}/(?:etc|proc|root|home)/|whoami\b|uname\s{1,4}-a\b|(?:nc|ncat)\s{1,4}-[a-z]*[el]|(?:/bin/)?(?:ba|z)?sh\s{1,4}-i\b|python[23]?\s{1,4}-c\s|perl\s{1,4}-e\s|chmod\s{1,4}(?:777|\+s|u\+s)|mkfs\.|useradd\s|nslookup\s|ping\s{1,4}-[cin]\s{0,4}\d|(?:ifconfig|ipconfig)\b|type\s{1,4}[a-z]:\\)`},
		{cmd, "shell_chain", finding.Critical, "id", 6, 4, `(?i)[;&]\s{0,4}id\s{0,4}(?:$|[;#&])`},
		{cmd, "shell_chain", finding.Critical, "; | & $( %0a \n system( exec(", 24, 80,
			`(?i)(?:\A|\b\d{1,3}(?:\.\d{1,3}){3}|localhost|=)["']?\s{0,2}(?:;|\|\|?|&&?|%0a|\\n|\n|\$\(|\{\$\{)\s{0,2}/?(?:[\w?*]{1,8}/){0,3}(?:sleep|ping|wget|curl|ls|uname|cat|id|whoami|nslookup|type|dir|netstat|net|system|exec|echo|perl|python|ruby|reg|phpinfo|powershell|cmd)\b(?:$|[^|\w\s]|\s{1,4}(?:$|[^|\s]))`},
		{cmd, "shell_chain", finding.Critical, "system( exec( passthru( popen( shell_exec(", 2, 80, `(?i)\b(?:system|exec|passthru|popen|shell_exec)\s?\(\s?["'](?:id|whoami|sleep|cat|ls|uname|curl|wget|nc|ping|rm|bash|sh|cmd|type|net)\b`},
		{cmd, "shell_chain", finding.Critical, "base64 xxd openssl", 200, 200, `(?i)(?:base64\s{1,4}(?:-d|-D|--decode)|xxd\s{1,4}-r|openssl\s{1,4}(?:enc|base64)\s[^\n|]{0,60}-d)[^\n|]{0,80}\|[^\n]{0,60}\b(?:ba|z|da|k)?sh\b`},
		{cmd, "shell_chain", finding.Critical, "curl wget", 20, 300, `(?i)\b(?:curl|wget)\s[^\n|;]{0,200}https?://\d{1,3}(?:\.\d{1,3}){3}[^\n|;]{0,100}[|;&]{1,2}\s{0,4}(?:sudo\s{1,4})?(?:(?:ba|z|da|k)?sh|chmod|python[23]?)\b`},
		{cmd, "shell_chain", finding.Critical, "rm", 8, 60, `(?i)\brm\s{1,4}-(?:rf|fr|r\s{1,4}-f)\s{1,4}(?:--no-preserve-root\s{1,4})?["']?(?:/(?:\s|$|\*|["'])|~/?(?:\s|$)|/(?:etc|usr|home|boot|bin)\b|\$HOME\b|\*)`},
		{cmd, "shell_chain", finding.Critical, "${ifs} $ifs $@", 60, 60, `(?i)\b[a-z]{2,10}(?:\$\{IFS\}|\$IFS(?:\$\d)?)[-/a-z]|[a-z]\$@[a-z]`},
		{cmd, "command_substitution", finding.Critical, "$(", 2, 80, `(?i)\$\(\s{0,4}(?:whoami|id\s{0,2}\)|uname\s{1,4}-a|printenv|cat\s{1,4}/(?:etc|proc|root|home)|rm\s{1,4}-|(?:nc|ncat)\s|bash\s{1,4}-|sh\s{1,4}-c|base64\s{1,4}-d|(?:curl|wget)\s[^)\n]{0,60}\d{1,3}(?:\.\d{1,3}){3}|sleep\s{1,4}\d|nslookup\s)[^)\n]{0,60}`},
		{cmd, "command_substitution", finding.Critical, "`", 2, 80, "(?i)[=;|&'\"?/]`\\s{0,4}(?:whoami|id\\s{0,2}`|uname -a|printenv|cat\\s{1,4}/etc|rm\\s{1,4}-|curl\\s|wget\\s|sleep\\s{1,4}\\d|nslookup\\s)[^`\\n]{0,60}`"},
		{cmd, "reverse_shell", finding.Critical, "/dev/tcp/ /dev/udp/ /inet/tcp/", 10, 80, `(?i)/(?:dev|inet)/(?:tcp|udp)/[^\s/]{1,60}/[^\s/]{1,20}`},
		{cmd, "reverse_shell", finding.Critical, "nc ncat netcat", 4, 160, `(?i)\b(?:nc|ncat|netcat)(?:\.exe)?\s[^\n]{0,80}(?:-(?:[a-z]*e[a-z]*|c|-exec|-sh-exec)\s{1,4}["']?(?:/?(?:usr/)?(?:bin/)?[a-z]{0,3}sh|cmd|powershell|sh)|\|\s{0,4}(?:/bin/)?(?:ba|z)?sh\b)`},
		{cmd, "reverse_shell", finding.Critical, "mkfifo mknod", 40, 200, `(?i)\bmk(?:fifo|nod)\s[^\n]{1,200}\b(?:nc|ncat|telnet|openssl|sh)\b`},
		{cmd, "reverse_shell", finding.Critical, "socket sockets tcpsocket fsockopen tcpclient net.dial net.socket socket.tcp", 300, 600, `(?is)(?:(?:socket|TCPSocket|TCPClient|fsockopen|Net\.Dial|net\.Socket).{0,500}(?:subprocess|pty\.spawn|dup2|/bin/(?:ba|z)?sh|exec\s?\(|cmd\.exe|IEX|iex|spawn|popen|proc_open|shell_exec|passthru|system\s?\(|\bsh -i|exec\.Command)|(?:subprocess|pty|spawn|child_process|/bin/(?:ba)?sh).{0,300}(?:socket\.socket|TCPSocket|fsockopen|TCPClient|net\.Socket).{0,100}connect)`},
		{cmd, "reverse_shell", finding.Critical, "socat telnet openssl xterm bash sh", 120, 260, `(?i)(?:\bsocat\s[^\n]{0,160}\bexec:|\bexec:[^\n]{0,80}\bsocat\b|\btelnet\s[^\n|]{1,80}\|\s{0,4}(?:/bin/)?(?:ba|z)?sh\b|s_client\s[^\n]{0,200}(?:/bin/)?(?:ba)?sh\b|\|\s{0,4}openssl\s{1,4}s_client|\bxterm\s{1,4}-display\s|\b(?:ba|z|k|da)?sh\s{1,4}-i\s{0,4}(?:[0-9]?[<>]|[|&]))`},
		{cmd, "reverse_shell", finding.Critical, "msfvenom tcpclient( conptyshell wsasocket runtime processbuilder iex( rcat", 400, 400, `(?is)(?:\bmsfvenom\s{1,4}-p\s|\bTCPClient\(\s?['"]?\d|\bInvoke-ConPtyShell\b|\bIEX\s?\(\s?(?:IWR|IRM|\(?New-Object|Invoke-)|\brcat\s{1,4}connect\b|(?:ProcessBuilder|Runtime\.getRuntime|WSASocket).{0,400}(?:Socket|cmd\.exe)|Socket\(.{0,300}(?:ProcessBuilder|getRuntime))`},
		{cmd, "path_traversal", finding.High, "../ ..\\", 40, 160, `(?i)(?:\.{2,}[/\\]{1,2}){1,}(?:[./\\]{0,8}[\w.-]{0,20}[/\\]){0,4}(?:etc|proc|windows|winnt|root|boot\.ini|win\.ini|passwd|shadow|system32|var/log|\.ssh|\.env|web\.config|web-inf)\b|(?:\.\.[/\\]{1,2}){4,}|(?:\.{3,}[/\\]{1,3}){2,}|(?:\.\.?[/\\]{2,}){4,}|(?:[/\\]\.\.;){1,}`},
		{cmd, "path_traversal", finding.High, "%2e %252e %c0 %u00 %5c %2f %c1 %e0 %f0 %f8 0x2e 0x2f 0x5c %uff %u22 %u21 ..;", 12, 40, `(?i)(?:(?:\.|%(?:25){0,3}2e|%c0%[2a]e|%f0%80%80%ae|%e0%(?:40|80)%ae|%c0%2e|%u002e|%uff0e|0x2e){2}(?:[/\\]|%(?:25){0,3}(?:2f|5c)|%c0%[2a]f|%c0%5c|%(?:25)?c1%(?:25)?(?:9c|1c|pc|8s|af)|%e0%80%af|%f0%80%80%af|%f8%80%80%80%af|%u221[56]|%u002f|%uff0f|%bg%qf|0x[25][fc])|\.\.(?:%00|%01|;)/)`},
		{cmd, "path_traversal", finding.High, "../ ..\\", 6, 40, `(?:\.\.[/\\]){1,}(?:\{FILE\}|\{file\})`},
		{cmd, "sensitive_paths", finding.High, "passwd shadow sudoers id_rsa id_ed25519 id_ecdsa .ssh/ .aws/ .netrc .pgpass .kube/ .docker/ /proc/ win.ini boot.ini system32 .git-credentials .bash_history wp-config authorized_keys .gnupg/ master.key lsass ntds.dit", 40, 40,
			`(?i)(?:/etc/(?:passwd|shadow|sudoers|gshadow|master\.passwd)\b|(?:^|[\s"'=:@(/~])(?:id_rsa|id_ed25519|id_ecdsa)\b(?:$|[^.\w-])|\.ssh/id_(?:rsa|ed25519|ecdsa|dsa)\b(?:$|[^.\w-])|\.aws/(?:credentials|config)\b|(?:~|\$HOME|/root|/home/[\w.-]{1,32})/\.(?:netrc|pgpass|bash_history|git-credentials|gnupg/|kube/config|docker/config\.json)|/proc/(?:self|\d{1,7})/(?:environ|cmdline|maps|mem|fd/\d)|[\\/]win\.ini\b|\bboot\.ini\b|system32[\\/]{1,2}(?:config[\\/]{1,2}(?:sam|system|security)|drivers[\\/]{1,2}etc[\\/]{1,2}hosts)\b|wp-config\.php\b|\bntds\.dit\b|\blsass\.(?:dmp|exe)\b)`},
	}
}

// strictCommands are those that good documents have too.
func strictCommands() []rule {
	const cmd = finding.Command
	return []rule{
		{cmd, "shell_chain", finding.Critical, "curl wget fetch", 8, 300, `(?i)\b(?:curl|wget|fetch)\s[^\n|]{0,240}\|\s{0,4}(?:sudo\s{1,4})?(?:-\w+\s)?(?:(?:ba|z|da|k)?sh|python[23]?|perl|node)\b`},
		{cmd, "shell_chain", finding.Critical, "; && || |", 2, 40, `(?i)(?:;|&&|\|\|?)\s{0,4}(?:rm|curl|wget|nc|ncat|bash|sh|zsh|python[23]?|perl|ruby|php|cat|chmod|chown|kill|sudo|env|printenv|eval|exec|nohup)\s`},
		{cmd, "command_substitution", finding.Critical, "$(", 2, 80, `\$\(\s{0,4}[\w./~-]{2,}[^)\n]{0,60}\)`},
		{cmd, "command_substitution", finding.Critical, "`", 2, 80, "`\\s{0,4}[\\w./~-]{2,20}\\s[^`\\n]{1,60}`"},
		{cmd, "path_traversal", finding.High, "../ ..\\", 4, 40, `(?:\.\.[/\\]){2,}`},
		{cmd, "sensitive_paths", finding.High, "/etc/ /root /var/log .env .ssh appdata", 12, 40, `(?i)/etc/[\w.-]{2,}|/root/|/var/log/\w|(?:^|[\s"'/=])\.env\b|\.ssh\b|\\appdata\\`},
	}
}

// social are the rules of social engineering, by the sensitivity from which on they hold.
func social() map[string][]rule {
	const s = finding.Social
	return map[string][]rule{
		"low": {
			{s, "bypass", finding.Critical, "ignore disregard bypass override disable circumvent forget skip", 10, 120,
				`(?i)\b(?:ignore|disregard|forget|override|bypass|circumvent|disable|skip)\s{1,3}(?:(?:all|any|the|your|my|of|these|those|every|previous|prior|above|earlier|existing|usual|normal|standard|current)\s{1,3}){0,4}(?:(?:security|safety|content|access|system|company|verification|authentication|approval)\s{1,3})?(?:instructions?|rules?|guidelines?|polic(?:y|ies)|restrictions?|safeguards?|protocols?|checks?|controls?|filters?|polic(?:y|ies)|verification|authentication|protections?|guardrails?|limitations?)\b`},
			{s, "credential_request", finding.Critical, "password passwords passphrase credentials credential token tokens key keys secret secrets apikey api_key api-key secretkey pin pins otp otps phrase phrases codes code mnemonic mnemonics", 120, 24,
				`(?i)\b(?:(?:send|give|tell|share|email|forward|disclose|hand|dump|leak|reveal)\s{1,3}(?:(?:over|out|back|to|it|with|of|the|stored|saved|current|full|complete)\s{1,3}){0,3}(?:me|us|all|your|my|their|every|any|user'?s?|admin|root)|(?:show|print|list|provide|output|paste|write)\s{1,3}(?:me|us|all|out\s{1,3}all))\s{1,3}(?:(?:of|any|the|your|their|user'?s?|admin|root|current|full|complete|stored|saved|private|secret|api|access|ssh|aws|login|master|database|system|wallet|recovery|seed|security|one-time|and|hidden|internal|username)\s{1,3}){0,5}(?:passwords?|passphrases?|credentials?|api[\s_-]?keys?|access[\s_-]?(?:keys?|tokens?)|private[\s_-]?keys?|secrets?|secret[\s_-]?keys?|tokens|pins?|otps?|seed\s{1,2}phrases?|mnemonics?|recovery\s{1,2}(?:codes?|phrases?)|verification\s{1,2}codes?)\b`},
		},
		"medium": {
			{s, "authority", finding.High, "ceo cto cfo ciso administrator admin developer anthropic openai security support root supervisor manager engineer authorized authorised police", 60, 80,
				`(?i)\b(?:(?:i\s{1,2}am|i'm|this\s{1,2}is|speaking\s{1,2}as|message\s{1,2}from|on\s{1,2}behalf\s{1,2}of|as)\s{1,3}(?:the|your|an?|our)?\s{0,3}(?:company'?s?\s{1,3}|system\s{1,3}|chief\s{1,3}|senior\s{1,3}|lead\s{1,3}|it\s{1,3}|site\s{1,3}|network\s{1,3}|security\s{1,3})?(?:ceo|cto|cfo|ciso|administrator|admin|developer\s{1,3}(?:of|at|who)|security\s{1,3}(?:team|officer|department)|supervisor|(?:openai|anthropic|google)\s{1,3}(?:team|staff|employee|engineer|support|developer)|law\s{1,3}enforcement|police)\b|\b(?:i\s{1,2}am|i'm|have\s{1,2}been)\s{1,3}(?:fully\s{1,3})?authori[sz]ed\s{1,3}(?:to|by)\b)`},
			{s, "secrecy", finding.High, "tell mention secret confidential between quiet reveal inform notify disclose log anyone", 60, 100,
				`(?i)\b(?:(?:do\s{1,2}not|don'?t|never|without)\s{1,3}(?:tell|telling|mention|mentioning|inform|informing|notify|notifying|alert|alerting|disclose|disclosing)\s{1,3}(?:this\s{1,3}|it\s{1,3}|about\s{1,3}|of\s{1,3}|to\s{1,3}){0,3}(?:anyone|anybody|the\s{1,3}(?:user|human|owner|admin|team|operator)|your\s{1,3}(?:user|manager|supervisor|owner|operator)|others|them|him|her)\b|keep\s{1,3}(?:this|it)\s{1,3}(?:a\s{1,3}secret|secret|quiet|hidden|between\s{1,3}us|from\s{1,3}the\s{1,3}user)|between\s{1,3}(?:you\s{1,3}and\s{1,3}me|us)\s{1,3}only)`},
			{s, "urgency", finding.Medium, "immediately urgent urgently asap emergency now deadline", 80, 80,
				`(?i)\b(?:(?:act|respond|reply|comply|transfer|send|pay|do\s{1,2}it|proceed)\s{1,3}(?:right\s{1,3})?(?:now|immediately|at\s{1,2}once|asap|urgently)\b|urgent(?:ly)?[\s:!,-]{1,4}(?:action|response|request|attention|you|we|i|the|please|send|transfer|security|your)\b|(?:immediate|urgent)\s{1,3}(?:action|attention|response|compliance)\s{1,3}(?:is\s{1,3})?(?:required|needed|necessary)|this\s{1,3}is\s{1,3}an?\s{1,3}(?:emergency|urgent)|account\s{1,3}(?:will|is\s{1,3}going\s{1,3}to)\s{1,3}be\s{1,3}(?:suspended|closed|deleted|locked|terminated))`},
		},
		"high": {
			{s, "urgency", finding.Medium, "urgent urgently immediately asap emergency hurry quickly", 2, 2, `(?i)\b(?:urgent(?:ly)?|immediately|asap|emergency|hurry)\b`},
			{s, "authority", finding.High, "authorized authorised administrator ceo supervisor", 20, 20, `(?i)\b(?:authori[sz]ed\s{1,3}(?:by|personnel|user)|administrator|ceo|supervisor)\b`},
			{s, "secrecy", finding.High, "confidential secretly discreetly covertly", 2, 2, `(?i)\b(?:confidential(?:ly)?|secretly|discreetly|covertly)\b`},
			{s, "bypass", finding.Critical, "bypass circumvent workaround", 2, 40, `(?i)\b(?:bypass|circumvent|get\s{1,2}around)\s`},
		},
	}
}

// network are the rules about where things are sent, beside the lists of domains.
func network() []rule {
	const n = finding.Network
	return []rule{
		{n, "ngrok", finding.High, "ngrok", 80, 24, `(?i)\b[\w-]{1,63}(?:\.[a-z]{2})?\.ngrok(?:-free)?\.(?:io|app|dev|com|pizza)\b`},
		{n, "pastebin", finding.High, "pastebin. hastebin. paste.ee ghostbin. dpaste. rentry.co", 20, 24, `(?i)\b(?:pastebin\.com|hastebin\.com|paste\.ee|ghostbin\.(?:co|com)|dpaste\.(?:org|com)|rentry\.co)\b`},
		{n, "ip_url", finding.Medium, "://", 10, 60, `(?i)\b(?:https?|ftp|wss?|tcp)://(?:[^\s/@]{1,40}@)?(?:(?:0x[0-9a-f]{8}|\d{8,10})(?:[:/?#\s"']|$)|\d{1,3}(?:\.\d{1,3}){3}\b)`},
		{n, "data_exfil", finding.Critical, "curl wget invoke-webrequest invoke-restmethod iwr", 160, 320,
			`(?i)(?:\b(?:curl|wget|invoke-webrequest|invoke-restmethod|iwr)\s[^\n]{0,200}(?:-d|--data(?:-binary|-raw|-urlencode)?|-F|-T|--upload-file|--post-file|--post-data|-body|-infile)[\s=]{0,3}["']?(?:[\w.-]{0,30}=)?(?:@|<|\$\(|\x60|\$\{?(?:env:)?[A-Z_]{0,30}(?:KEY|TOKEN|SECRET|PASS|CRED))|(?:\benv|printenv|cat\s[^\n|]{1,100}|tar\s[^\n|]{1,100})\s{0,4}\|\s{0,4}(?:base64[^|\n]{0,20}\|\s{0,4})?(?:curl|wget|nc)\b)`},
		{n, "data_exfil", finding.Critical, "]( <img", 120, 400, `(?i)(?:!\[[^\]\n]{0,80}\]\(https?://[^)\s]{1,200}[?&/=](?:\{|\$\{?|%7b|<|\[)[\w .-]{2,60}|<img[^>]{0,60}src=["']?https?://[^\s"'>]{1,200}[?&][\w-]{1,30}=(?:\{|\$\{?|%7b|\[)[\w .-]{2,60})`},
		{n, "data_exfil", finding.Critical, "http:// https://", 260, 20,
			`(?i)\b(?:send|post|upload|exfiltrate|transmit|forward|leak|submit|append)\b[^\n]{0,120}\b(?:secrets?|passwords?|api[\s_-]?keys?|credentials?|tokens?|env(?:ironment)?(?:\s{1,3}variables?)?|private[\s_-]?keys?|conversation|chat\s{1,3}history|system\s{1,3}prompt|cookies?|source\s{1,3}code)\b[^\n]{0,80}\b(?:to|via|at|using|into)\b[^\n]{0,40}https?://`},
	}
}
