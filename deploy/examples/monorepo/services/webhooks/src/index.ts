import { serve } from '@backend/common'
import { addJob, countJobs } from '@backend/database'

serve('webhooks', {
  'GET /': () => ({ status: 200, body: { service: 'webhooks', received: countJobs() } }),
  'POST /hooks': (body) => ({ status: 202, body: addJob('hook', JSON.parse(body)) }),
})
