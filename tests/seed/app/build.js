require('node:fs').writeFileSync('built', 'built by build:api\n')
