import { serve } from '@backend/common'

const workers = process.env.WORKERS_INTERNAL_URL

serve('api', {
  'GET /': () => ({ status: 200, body: { service: 'api', workers: workers ?? null } }),
  'GET /workers': async () => {
    if (!workers) return { status: 503, body: { error: 'WORKERS_INTERNAL_URL is not set' } }
    const answer = await fetch(`${workers}/health`)
    return { status: answer.status, body: await answer.json() }
  },
})
