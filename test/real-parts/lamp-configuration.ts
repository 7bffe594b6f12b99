import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianTree } from './debian-tree.ts';

/** The ports of one Apache: each application on one where it knows its address, and on one where it believes what is forwarded. */
export interface LampPorts {
  readonly wordpress: number;
  readonly mediawiki: number;
  readonly awareWordpress: number;
  readonly awareMediawiki: number;
}

/** Where the applications' databases are; each has one of its own name. */
export interface LampDatabase {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly wordpress: string;
  readonly mediawiki: string;
}

const apacheModules = ['mpm_prefork', 'authz_core', 'dir', 'alias', 'env', 'mime', 'rewrite', 'deflate', 'filter'];
/** In the order in which they need one another. */
const phpExtensions = [
  ...['mysqlnd', 'ctype', 'curl', 'dom', 'exif', 'fileinfo', 'gd', 'iconv', 'intl', 'mbstring', 'mysqli', 'posix'],
  ...['simplexml', 'tokenizer', 'xml', 'xmlreader', 'xmlwriter'],
];

/** An Apache of its own below `home`, on loopback, set up as Debian's package does what matters here. */
export function apacheConfiguration(tree: DebianTree, home: string, ports: LampPorts): string {
  const modules = '/usr/lib/apache2/modules';
  const php = tree.names(modules).find((name) => /^libphp[\d.]+\.so$/.test(name)) ?? 'libphp.so';
  const mediawiki = tree.file('/usr/share/mediawiki');
  const mediawikiSite = (port: number, ...more: string[]) =>
    virtualHost(port, mediawiki, [
      `SetEnv MW_CONFIG_FILE "${home}/mediawiki/LocalSettings.php"`,
      `Alias /images "${home}/mediawiki/images"`,
      ...more,
    ]);
  const aware = 'SetEnv FORWARDED_AWARE 1';
  return [
    ...apacheModules.map((name) => `LoadModule ${name}_module "${tree.file(`${modules}/mod_${name}.so`)}"`),
    `LoadModule php_module "${tree.file(`${modules}/${php}`)}"`,
    `ServerRoot "${home}"`,
    `DefaultRuntimeDir "${home}/run"`,
    `PidFile "${home}/run/apache.pid"`,
    `Mutex file:${home}/run default`,
    `TypesConfig "${tree.file('/etc/mime.types')}"`,
    `PHPIniDir "${home}"`,
    'ServerName 127.0.0.1',
    `ErrorLog "${home}/error.log"`,
    'StartServers 2',
    'MaxRequestWorkers 16',
    'KeepAlive On',
    'DirectoryIndex index.php index.html',
    'AddOutputFilterByType DEFLATE text/html text/css text/xml application/javascript application/json application/rss+xml',
    '<FilesMatch "\\.php$">',
    'SetHandler application/x-httpd-php',
    '</FilesMatch>',
    '<Directory "/">',
    'AllowOverride All',
    'Require all granted',
    '</Directory>',
    virtualHost(ports.wordpress, join(home, 'wordpress'), []),
    virtualHost(ports.awareWordpress, join(home, 'wordpress'), [aware]),
    mediawikiSite(ports.mediawiki),
    mediawikiSite(ports.awareMediawiki, aware),
    '',
  ].join('\n');
}

function virtualHost(port: number, root: string, lines: readonly string[]): string {
  const site = [`<VirtualHost 127.0.0.1:${port}>`, `DocumentRoot "${root}"`, ...lines, '</VirtualHost>'];
  return [`Listen 127.0.0.1:${port}`, ...site].join('\n');
}

/** Extensions by their whole paths: some may be the machine's, others the tree's. */
export function phpConfiguration(tree: DebianTree, home: string): string {
  const api = tree.names('/usr/lib/php').find((name) => /^\d{8}$/.test(name));
  const library = (name: string) => tree.file(`/usr/lib/php/${api}/${name}.so`);
  return [
    `zend_extension = "${library('opcache')}"`,
    ...phpExtensions.map((name) => `extension = "${library(name)}"`),
    `upload_tmp_dir = "${home}/tmp"`,
    `session.save_path = "${home}/tmp"`,
    'sendmail_path = /bin/true',
    'display_errors = Off',
    'date.timezone = UTC',
    '',
  ].join('\n');
}

/** A plain wp-config.php: nothing of a proxy in it, but what docs/rewriting.md shows where Apache says so. It calls nobody. */
export function wordpressConfiguration(database: LampDatabase): string {
  const keys = ['AUTH', 'SECURE_AUTH', 'LOGGED_IN', 'NONCE'].flatMap((name) => [`${name}_KEY`, `${name}_SALT`]);
  const constants: Record<string, string | boolean> = {
    DB_NAME: database.wordpress,
    DB_USER: database.user,
    DB_PASSWORD: database.password,
    DB_HOST: `${database.host}:${database.port}`,
    DB_CHARSET: 'utf8mb4',
    DB_COLLATE: '',
    ...Object.fromEntries(keys.map((key) => [key, `${key} ${database.password}`])),
    DISABLE_WP_CRON: true,
    WP_HTTP_BLOCK_EXTERNAL: true,
    AUTOMATIC_UPDATER_DISABLED: true,
  };
  return [
    '<?php',
    ...Object.entries(constants).map(([name, value]) => `define('${name}', ${JSON.stringify(value)});`),
    "$table_prefix = 'wp_';",
    ...whenAware(documented('rewriting.md', 'wp-config.php')),
    "require_once __DIR__ . '/wp-settings.php';",
    '',
  ].join('\n');
}

/** A must-use plugin: where it lies, and its code as docs/examples.md shows it. */
export function tracingPlugin(): { path: string; code: string } {
  const path = 'wp-content/mu-plugins/traceparent.php';
  return { path, code: `<?php\n${documented('examples.md', path)}\n` };
}

/** What is added to the LocalSettings.php that MediaWiki's installer wrote. */
export function mediawikiAdditions(home: string): string {
  return [
    '',
    '$wgEnableUploads = true;',
    `$wgUploadDirectory = '${home}/mediawiki/images';`,
    "$wgUploadPath = '/images';",
    `$wgCacheDirectory = $wgTmpDirectory = '${home}/tmp';`,
    ...whenAware(documented('rewriting.md', 'LocalSettings.php')),
    '',
  ].join('\n');
}

function whenAware(lines: string): string[] {
  return ["if (getenv('FORWARDED_AWARE')) {", lines, '}'];
}

/** The lines that a page of docs/ tells an operator to put into a file: what is documented is what is tested. */
function documented(page: string, file: string): string {
  const text = readFileSync(join(import.meta.dirname, '..', '..', 'docs', page), 'utf8');
  const found = new RegExp('```php\\n// ' + file.replaceAll('.', '\\.') + '[^\\n]*\\n([^`]*)```').exec(text);
  if (!found) throw new Error(`docs/${page} has no lines for ${file}`);
  return found[1]!.trim();
}
