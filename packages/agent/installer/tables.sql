-- One statement a line, for msibuild, after wixl; lines that begin with -- are for people.

-- What the guard action leaves is read into a property, and the launch conditions show and log it.
INSERT INTO `RegLocator` (`Signature_`, `Root`, `Key`, `Name`, `Type`) VALUES ('InstallerRefusal', 2, 'SOFTWARE\Postern\Agent', 'InstallerRefusal', 18)
INSERT INTO `AppSearch` (`Property`, `Signature_`) VALUES ('GUARDREFUSAL', 'InstallerRefusal')
INSERT INTO `RegLocator` (`Signature_`, `Root`, `Key`, `Name`, `Type`) VALUES ('InstalledVersion', 2, 'SOFTWARE\Postern\Agent', 'Version', 18)
INSERT INTO `AppSearch` (`Property`, `Signature_`) VALUES ('INSTALLEDVERSION', 'InstalledVersion')
INSERT INTO `LaunchCondition` (`Condition`, `Description`) VALUES ('NOT GUARDREFUSAL OR NOT (Installed OR WIX_UPGRADE_DETECTED)', '[GUARDREFUSAL]')
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('AppSearch', 1020)
UPDATE `InstallExecuteSequence` SET `Sequence` = 1030 WHERE `Action` = 'LaunchConditions'

-- The older version is taken out last: see agent.wxs. Then nothing that could fail is left but that.
INSERT INTO `InstallExecuteSequence` (`Action`, `Sequence`) VALUES ('InstallExecute', 6500)
UPDATE `InstallExecuteSequence` SET `Sequence` = 6510 WHERE `Action` = 'RemoveExistingProducts'
-- A program (18), whatever it returns (64), in the script (1024) that is run on commit (512), as SYSTEM (2048).
UPDATE `CustomAction` SET `Type` = 3666 WHERE `Action` = 'TellTheService'

-- Windows' own text speaks of a faulty package; [2] is the action that refused.
INSERT INTO `Error` (`Error`, `Message`) VALUES (1722, 'The Postern agent stopped this at the step [2]. RefuseUnderProtection: its service is protected or does not answer; switch protection off in its profile, or lift it with a token (PosternAgent.exe -unprotect <token>). RefuseForeignFolders: one of its folders was made by somebody who is no administrator, or is a link; remove it. Then try again.')

-- The log names the registry values that are written, not what is in them.
CREATE TABLE `ActionText` (`Action` CHAR(72) NOT NULL, `Description` CHAR(64) LOCALIZABLE, `Template` CHAR(128) LOCALIZABLE PRIMARY KEY `Action`)
INSERT INTO `ActionText` (`Action`, `Description`, `Template`) VALUES ('WriteRegistryValues', 'Writing registry values', 'Key: [1], Name: [2]')

-- What the service is to join; it takes these values away when it has, and uninstalling takes the key away.
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('Cluster', 2, 'SOFTWARE\Postern\Agent\Enrolment', 'Cluster', '[CLUSTER]', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('ActivationKey', 2, 'SOFTWARE\Postern\Agent\Enrolment', 'ActivationKey', '[ACTIVATIONKEY]', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('ActivationKeyFile', 2, 'SOFTWARE\Postern\Agent\Enrolment', 'ActivationKeyFile', '[ACTIVATIONKEYFILE]', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('CaFile', 2, 'SOFTWARE\Postern\Agent\Enrolment', 'CaFile', '[CAFILE]', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('Proxy', 2, 'SOFTWARE\Postern\Agent\Enrolment', 'Proxy', '[PROXY]', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Component_`) VALUES ('RemoveAll', 2, 'SOFTWARE\Postern\Agent', '-', 'Told')

-- Where the Event Log finds the sentences of our events; the agent's guard keeps it so. wixl knows no REG_EXPAND_SZ (#%).
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('EventMessageFile', 2, 'SYSTEM\CurrentControlSet\Services\EventLog\Application\PosternAgent', 'EventMessageFile', '#%%SystemRoot%\System32\EventCreate.exe', 'Told')
INSERT INTO `Registry` (`Registry`, `Root`, `Key`, `Name`, `Value`, `Component_`) VALUES ('EventTypesSupported', 2, 'SYSTEM\CurrentControlSet\Services\EventLog\Application\PosternAgent', 'TypesSupported', '#7', 'Told')

-- The activation key lies where SYSTEM alone can read it, until the service has joined its cluster.
CREATE TABLE `MsiLockPermissionsEx` (`MsiLockPermissionsEx` CHAR(72) NOT NULL, `LockObject` CHAR(72) NOT NULL, `Table` CHAR(32) NOT NULL, `SDDLText` CHAR(255) NOT NULL, `Condition` CHAR(255) PRIMARY KEY `MsiLockPermissionsEx`)
INSERT INTO `MsiLockPermissionsEx` (`MsiLockPermissionsEx`, `LockObject`, `Table`, `SDDLText`) VALUES ('Enrolment', 'ActivationKey', 'Registry', 'D:P(A;CI;KA;;;SY)')

-- Handed on to the half of the installer that runs as SYSTEM.
UPDATE `Property` SET `Value` = 'WIX_DOWNGRADE_DETECTED;WIX_UPGRADE_DETECTED;CLUSTER;ACTIVATIONKEY;ACTIVATIONKEYFILE;CAFILE;PROXY' WHERE `Property` = 'SecureCustomProperties'
