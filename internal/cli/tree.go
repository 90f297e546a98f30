package cli

import (
	"github.com/spf13/cobra"

	"github.com/oneclaw-dev/oneclaw/client"
)

// commands is the tree of this package's commands.
func (c *cli) commands() []*cobra.Command {
	return []*cobra.Command{
		c.loginCommand(), c.signupCommand(), c.logoutCommand(), c.whoamiCommand(),
		group("password", "Your password", c.passwordChange(), c.passwordForgot(), c.passwordReset()),
		group("mfa", "The second factor of your logins", c.mfaStatus(), c.mfaEnable(), c.mfaDisable()),
		group("sessions", "Your logins and devices", c.sessionsList(), c.sessionsMade(), c.sessionsEnd(), c.sessionsEndAll()),
		group("key", "Your API keys, for programs that act as you, and with --agent the signing keys of agents",
			c.keyCreate(), c.keyList(), c.keyMade(), c.keyRevoke(), c.keyImport(), c.keyRotate(), c.keyDelete(), c.keyAddress(), c.keySign()),
		group("account", "Your account", c.accountDelete()),
		group("vault", "Make, list and delete vaults, and change their keys",
			c.vaultCreate(), c.vaultList(), c.vaultGet(), c.vaultUse(), c.vaultRename(), c.vaultDelete(), c.vaultRekey(),
			group("cmek", "Manage the key that clients encrypt a vault's values with",
				c.cmekEnable(), c.cmekDisable(), c.cmekRotate(), c.cmekStatus())),
		group("secret", "Write, read and list secrets",
			c.secretSet(), c.secretGet(), c.secretList(), c.secretDescribe(), c.secretRotate(),
			c.secretDelete(), c.secretVersions(), c.secretDisableVersion(), c.secretRestore(), c.secretPurge()),
		c.bind(), c.bindings(), c.unbind(), c.request(), c.runWith(), c.proxy(), c.totp(), c.gitCredential(), c.sshAgent(),
		group("env", "Environment variables of a vault, by environment and git branch",
			c.envList(), c.envSet(), c.envGet(), c.envDelete(), c.envResolve(), c.envRun()),
		group("share", "Let somebody read one secret for a time",
			c.shareCreate(), c.shareList(), c.shareGet(),
			c.shareAnswer("accept", "Accept a share that is for you, so that you can read it", "Accepted", (*client.Client).AcceptShare),
			c.shareAnswer("decline", "Refuse a share that is for you, for good", "Declined", (*client.Client).DeclineShare),
			c.shareRevoke()),
		group("agent", "Register agents and their keys",
			c.agentCreate(), c.agentList(), c.agentGet(), c.agentCan(), c.agentUpdate(), c.agentRotateKey(), c.agentDeactivate(), c.agentActivate(), c.agentMade(),
			group("bindings", "Services that an agent works with by credentials that it never sees",
				c.agentBindingAdd(), c.agentBindingList(), c.agentBindingShow(), c.agentBindingUpdate(), c.agentBindingRotate(), c.agentBindingActive(false), c.agentBindingActive(true),
				c.agentBindingTest(), c.agentBindingDelete()),
			c.agentExecute(), c.agentExecutions(),
			c.agentGuard(), c.agentEnroll(), c.agentRequests(), c.agentAccept(), c.agentReject()),
		group("policy", "Grant agents and people access to secrets", c.policyCreate(), c.policyList(), c.policyUpdate(), c.policyDelete()),
		c.whoCan(),
		group("approval", "Approve or deny what agents ask for",
			c.approvalList(), c.approvalShow(), c.approvalRequest(), c.approvalDecide(true), c.approvalDecide(false), c.approvalWithdraw()),
		group("wanted", "Secrets that agents lack: give them, or say no",
			c.wantedList(), c.wantedShow(), c.wantedFill(), c.wantedDecline(), c.wantedAsk(), c.wantedWithdraw()),
		group("org", "Members, invitations, and the organisations that you belong to",
			c.orgMembers(), c.orgRole(), c.orgRemove(), c.orgInvite(), c.orgInvitations(), c.orgResend(), c.orgRevoke(),
			c.orgAccept(), c.orgList(), c.orgSwitch()),
		group("ip-rule", "Which network addresses may reach your organisation", c.ipRuleList(), c.ipRuleAdd(), c.ipRuleDelete()),
		group("webhook", "Have addresses of your own called for events of the audit log",
			c.webhookCreate(), c.webhookList(), c.webhookShow(), c.webhookUpdate(), c.webhookDelete()),
		group("billing", "What your organisation has used and may use, and its credit",
			c.billingStatus(), c.billingUsage(), c.billingHistory(), c.billingCredits(), c.billingLedger(), c.billingOverage()),
		group("chain", "The EVM chains that agents can use, and their nodes", c.chainList(), c.chainGet(), c.chainAdd(), c.chainCheck(), c.chainRestart()),
		c.txCommands(), c.freezeCommand(), c.unfreezeCommand(),
		group("shroud", "How agents call language models, what they sent there, and what was found in it",
			c.shroudActivity(), c.shroudText(), c.shroudSummary(), c.shroudPreset(), c.shroudSet(),
			group("key", "Keys with which stock clients call models for an agent", c.shroudKeyCreate(), c.shroudKeyList(), c.shroudKeyRevoke())),
		group("admin", "Look after a server with several organisations; only for platform admins, such as its first owner",
			c.adminTier(), c.adminLimits(), c.adminCredits(), c.adminUsers(),
			group("settings", "What is set for the whole server", c.settingList(), c.settingSet(), c.settingUnset()),
			group("chain", "The chains of the server, also those that agents can't use",
				c.adminChainList(), c.adminChainAdd(), c.adminChainUpdate(), c.adminChainDelete())),
		group("audit", "Read and check the audit log", c.auditList(), c.auditVerify(), c.auditExport(), c.auditKeys()),
		c.versionCommand(),
	}
}
