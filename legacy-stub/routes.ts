import { fileURLToPath } from 'node:url';
import { type IRoute, type RequestHandler, Router } from 'express';
import { removingUpload, serveDocument, uploadReceiver } from './documents.ts';
import { LegacyError, notFound } from './errors.ts';
import { resources } from './rest/resources.ts';
import { changeRow, createRow, deleteRow, listRows, showRow } from './rest/rest.ts';
import { showCustomer, showCustomers } from './scripts/customers.ts';
import { home } from './scripts/home.ts';
import { logIn, logOut, showLogIn } from './scripts/log-in.ts';
import { showShipment } from './scripts/shipment.ts';
import { addItem, addNote, attachDocument, changeStatus, deleteShipment } from './scripts/shipment-actions.ts';
import { createShipment, showEditShipment, showNewShipment, updateShipment } from './scripts/shipment-form.ts';
import { downloadShipments, showShipments } from './scripts/shipment-list.ts';
import type { Script } from './visit.ts';

type Method = 'get' | 'post' | 'put' | 'delete';

/**
 * Every address of the application. An address that exists answers other methods with 405 and `Allow`; any other
 * address is not found.
 */
export async function routes(run: (script: Script) => RequestHandler, uploadDir: string): Promise<Router> {
  const router = Router({ caseSensitive: true });
  const at = (path: string, handlers: Partial<Record<Method, RequestHandler[]>>) => serve(router.route(path), handlers);
  const { shipments, customers, packingListItems, shipmentNotes } = resources;

  at('/', { get: [run(home)] });
  at('/style.css', { get: [sendStyle] });
  at('/login', { get: [run(showLogIn)], post: [run(logIn)] });
  at('/logout', { get: [run(logOut)] });

  at('/shipments', { get: [run(showShipments)], post: [byBody(run(createRow(shipments)), run(createShipment))] });
  at('/shipments.csv', { get: [run(downloadShipments)] });
  at('/shipments/new', { get: [run(showNewShipment)] });
  at('/shipments/:id', {
    get: [run(showShipment)],
    post: [run(updateShipment)],
    put: [run(changeRow(shipments))],
    delete: [run(deleteRow(shipments))],
  });
  at('/shipments/:id/edit', { get: [run(showEditShipment)] });
  at('/shipments/:id/delete', { get: [run(deleteShipment)] });
  at('/shipments/:id/status', { post: [run(changeStatus)] });
  at('/shipments/:id/items', { post: [run(addItem)] });
  at('/shipments/:id/notes', { post: [run(addNote)] });
  at('/shipments/:id/document', {
    post: [await uploadReceiver(uploadDir), removingUpload(run(attachDocument(uploadDir)))],
  });
  at('/documents/:file', { get: [serveDocument(uploadDir)] });

  at('/customers', { get: [run(showCustomers)], post: [run(createRow(customers))] });
  at('/customers/:id', {
    get: [run(showCustomer)],
    put: [run(changeRow(customers))],
    delete: [run(deleteRow(customers))],
  });

  for (const resource of [packingListItems, shipmentNotes]) {
    at(`/${resource.table}`, { get: [run(listRows(resource))], post: [run(createRow(resource))] });
    at(`/${resource.table}/:id`, {
      get: [run(showRow(resource))],
      put: [run(changeRow(resource))],
      delete: [run(deleteRow(resource))],
    });
  }

  router.use((_request, _response, next) => next(notFound()));
  return router;
}

/** A posted JSON body is plain REST, anything else a form. */
function byBody(rest: RequestHandler, form: RequestHandler): RequestHandler {
  return (request, response, next) => (request.is('json') ? rest : form)(request, response, next);
}

const pagesDir = fileURLToPath(new URL('pages/', import.meta.url));

const sendStyle: RequestHandler = (_request, response) => {
  response.sendFile('style.css', { root: pagesDir, maxAge: '1h' });
};

function serve(route: IRoute, handlers: Partial<Record<Method, RequestHandler[]>>): void {
  const methods = Object.keys(handlers) as Method[];
  for (const method of methods) route[method](...(handlers[method] ?? []));
  const allowed = methods.map((method) => (method === 'get' ? 'GET, HEAD' : method.toUpperCase())).join(', ');
  route.all((request, _response, next) => {
    next(
      new LegacyError('method-not-allowed', `method not allowed: ${request.method}, expected ${allowed}`, {
        headers: [['Allow', allowed]],
      }),
    );
  });
}
