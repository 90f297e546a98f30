-- Chains that are known from the start, beside those of 00008. One whose name or number
-- a platform admin has given already stays as it is.
INSERT INTO chains (id, name, display_name, chain_id, explorer_url, native_currency, is_testnet, is_enabled, created_at, updated_at) VALUES
	('c4a10000-0000-4000-8000-000000000008', 'bnb', 'BNB Smart Chain', 56, 'https://bscscan.com', 'BNB', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000009', 'gnosis', 'Gnosis', 100, 'https://gnosisscan.io', 'xDAI', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000010', 'avalanche', 'Avalanche C-Chain', 43114, 'https://snowtrace.io', 'AVAX', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000011', 'linea', 'Linea', 59144, 'https://lineascan.build', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000012', 'scroll', 'Scroll', 534352, 'https://scrollscan.com', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000013', 'zksync', 'ZKsync Era', 324, 'https://explorer.zksync.io', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000014', 'celo', 'Celo', 42220, 'https://celoscan.io', 'CELO', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000015', 'blast', 'Blast', 81457, 'https://blastscan.io', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000016', 'mantle', 'Mantle', 5000, 'https://mantlescan.xyz', 'MNT', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000017', 'sonic', 'Sonic', 146, 'https://sonicscan.org', 'S', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000018', 'world', 'World Chain', 480, 'https://worldscan.org', 'ETH', 0, 1, 1767225600000000, 1767225600000000),
	('c4a10000-0000-4000-8000-000000000019', 'zora', 'Zora', 7777777, 'https://explorer.zora.energy', 'ETH', 0, 1, 1767225600000000, 1767225600000000)
ON CONFLICT DO NOTHING;
